-- KEYS: the record, then one key for each replay key.
-- ARGV: the record in flight, lease in ms, delivery id, replay window in ms.
-- A record is the fingerprint with its format (17 bytes); in flight, the owner token (16 bytes)
-- and the length of the lease in ms follow.
local mine, lease, id, window = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local call, record = redis.call, KEYS[1]

-- Nearly every delivery is new and has one replay key. It then takes two calls, not four. A full
-- server denies the first, and may still answer below.
if #KEYS == 2 then
    local set = redis.pcall('SET', KEYS[2], id, 'NX', 'PX', window)
    if set and set.ok then
        if call('SET', record, mine, 'NX', 'PX', lease) then
            return 'acquired'
        end
        call('DEL', KEYS[2])
    end
end

local seen, first, own = {}, nil, false
for i = 2, #KEYS do
    local known = call('GET', KEYS[i])
    seen[i] = known
    own = own or known == id
    first = first or known
end
if first and not own then
    return {first}
end

local held = call('GET', record)
local length = held and tonumber(held:sub(34))
if held and #held ~= 17 and not length then
    return {err = 'WRONGTYPE the value is not the record of a delivery'}
end
-- The first byte is the format: fingerprints of two formats cannot be compared.
if held and held:byte() == mine:byte() and held:sub(1, 17) ~= mine:sub(1, 17) then
    return 'conflict'
end

local answer
if held and #held == 17 then
    answer = 'completed'
elseif held and held:sub(18, 33) ~= mine:sub(18, 33) then
    answer = call('PTTL', record)
    -- The server's clock was set back. Without this, a crashed owner's lease would last
    -- until the clock has caught up. Owners may have a longer lease than this claim's.
    if answer < 0 or answer > length then
        call('PEXPIRE', record, length)
        answer = length
    end
else
    call('SET', record, mine, 'PX', lease)
    answer = 'acquired'
end
for i = 2, #KEYS do
    if not seen[i] then
        call('SET', KEYS[i], id, 'PX', window)
    elseif answer == 'acquired' and seen[i] == id and call('PTTL', KEYS[i]) < tonumber(window) then
        call('PEXPIRE', KEYS[i], window)
    end
end
return answer
