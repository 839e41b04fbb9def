-- KEYS: the record. ARGV: owner token, lease in ms.
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then
    return 'lost'
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'renewed'
