-- KEYS: the record. ARGV: the record in flight, lease in ms.
local held = redis.call('GET', KEYS[1])
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
