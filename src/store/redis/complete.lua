-- KEYS: the record. ARGV: owner token, fingerprint, retention in ms.
local holder = redis.call('HGET', KEYS[1], 't')
if holder == ARGV[1] then
    -- Neither needs memory: what is in flight completes even in a full server.
    redis.call('HDEL', KEYS[1], 't', 'l')
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif holder then
    return 'held by another'
elseif redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], 'f', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 'recorded'
