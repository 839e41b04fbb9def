-- KEYS: the record, then one key for each replay key.
-- ARGV: delivery id, owner token, fingerprint, lease in ms, replay window in ms.
local id, token, fingerprint, lease, window = unpack(ARGV)
local record = KEYS[1]

local first, own, unbound = nil, false, {}
for i = 2, #KEYS do
    local bound = redis.call('GET', KEYS[i])
    if not bound then
        unbound[#unbound + 1] = KEYS[i]
    elseif bound == id then
        own = true
    else
        first = first or bound
    end
end
if first and not own then
    return {'bound', first}
end

local held = redis.call('HMGET', record, 't', 'f')
local holder, stands_for = held[1], held[2]
-- The first byte is the format: fingerprints of two formats cannot be compared.
if stands_for and stands_for ~= fingerprint and stands_for:byte() == fingerprint:byte() then
    return {'reused'}
end

local answer
if holder and holder ~= token then
    answer = {'in flight', redis.call('PTTL', record)}
elseif stands_for and not holder then
    answer = {'completed'}
else
    redis.call('HSET', record, 't', token, 'f', fingerprint)
    redis.call('PEXPIRE', record, lease)
    answer = {'acquired'}
end
for _, key in ipairs(unbound) do
    redis.call('SET', key, id, 'PX', window)
end
return answer
