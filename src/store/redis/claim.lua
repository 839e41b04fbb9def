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

local held = redis.call('HMGET', record, 't', 'f', 'l')
local holder, stands_for, length = held[1], held[2], tonumber(held[3])
-- The first byte is the format: fingerprints of two formats cannot be compared.
if stands_for and stands_for ~= fingerprint and stands_for:byte() == fingerprint:byte() then
    return {'reused'}
end

local answer
if holder and holder ~= token then
    local left = redis.call('PTTL', record)
    -- The server's clock was set back. Without this, a crashed owner's lease would last
    -- until the clock has caught up. Owners may have a longer lease than this claim's.
    if length and (left < 0 or left > length) then
        redis.call('PEXPIRE', record, length)
        left = length
    end
    answer = {'in flight', left}
elseif stands_for and not holder then
    answer = {'completed'}
else
    redis.call('HSET', record, 't', token, 'f', fingerprint, 'l', lease)
    redis.call('PEXPIRE', record, lease)
    answer = {'acquired'}
end
for _, key in ipairs(unbound) do
    redis.call('SET', key, id, 'PX', window)
end
return answer
