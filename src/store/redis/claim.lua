-- KEYS: the record, then one key for each replay key.
-- ARGV: delivery id, owner token, fingerprint, lease in ms, replay window in ms.
local id, token, fingerprint, lease, window = unpack(ARGV)
local record = KEYS[1]

local first, own, new = nil, {}, {}
for i = 2, #KEYS do
    local seen = redis.call('GET', KEYS[i])
    if not seen then
        new[#new + 1] = KEYS[i]
    elseif seen == id then
        own[#own + 1] = KEYS[i]
    else
        first = first or seen
    end
end
if first and #own == 0 then
    return {'replay of', first}
end

local held = redis.call('HMGET', record, 't', 'f', 'l')
local holder, known, length = held[1], held[2], tonumber(held[3])
-- The first byte is the format: fingerprints of two formats cannot be compared.
if known and known ~= fingerprint and known:byte() == fingerprint:byte() then
    return {'conflict'}
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
elseif known and not holder then
    answer = {'completed'}
else
    redis.call('HSET', record, 't', token, 'f', fingerprint, 'l', lease)
    redis.call('PEXPIRE', record, lease)
    for _, key in ipairs(own) do
        if redis.call('PTTL', key) < tonumber(window) then
            redis.call('PEXPIRE', key, window)
        end
    end
    answer = {'acquired'}
end
for _, key in ipairs(new) do
    redis.call('SET', key, id, 'PX', window)
end
return answer
