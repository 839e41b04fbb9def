-- KEYS: the record. ARGV: the record in flight, lease in ms.
-- The owner token is in bytes 18 to 33 of a record in flight.
local held = redis.call('GET', KEYS[1])
if held and #held ~= 17 and not tonumber(held:sub(34)) then
    return {err = 'WRONGTYPE the value is not the record of a delivery'}
end
if not held or held:sub(18, 33) ~= ARGV[1]:sub(18, 33) then
    return 'lost'
end
-- Only a change needs memory: in a full server, leases are still renewed.
if held == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 'renewed'
