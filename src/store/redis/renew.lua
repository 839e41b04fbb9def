-- KEYS: the record. ARGV: owner token, lease in ms.
local held = redis.call('HMGET', KEYS[1], 't', 'l')
if held[1] ~= ARGV[1] then
    return 'lost'
end
-- Only a change needs memory: in a full server, leases are still renewed.
if held[2] ~= ARGV[2] then
    redis.call('HSET', KEYS[1], 'l', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'renewed'
