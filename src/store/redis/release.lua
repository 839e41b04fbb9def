-- KEYS: the record. ARGV: owner token.
if redis.call('HGET', KEYS[1], 't') == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
return 'released'
