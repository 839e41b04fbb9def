-- KEYS: the record. ARGV: the record in flight, retention in ms.
-- A record is the fingerprint with its format (17 bytes); in flight, the owner token (16 bytes)
-- and the length of the lease in ms follow.
local held = redis.call('GET', KEYS[1])
if held and #held ~= 17 and not tonumber(held:sub(34)) then
    return {err = 'WRONGTYPE the value is not the record of a delivery'}
end
if held and #held == 17 then
    return 'recorded'
end
if held and held:sub(18, 33) ~= ARGV[1]:sub(18, 33) then
    return 'held by another'
end
local completed = (held or ARGV[1]):sub(1, 17)
local set = redis.pcall('SET', KEYS[1], completed, 'PX', ARGV[2])
if set.err and held then
    -- What is in flight completes even in a full server: it grants all writes of a script whose
    -- first write needs no memory.
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    redis.call('SET', KEYS[1], completed, 'KEEPTTL')
elseif set.err then
    return set
end
return 'recorded'
