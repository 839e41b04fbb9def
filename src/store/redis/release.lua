-- KEYS: the record. ARGV: owner token.
-- The owner token is in bytes 18 to 33 of a record in flight.
local held = redis.call('GET', KEYS[1])
if held and held:sub(18, 33) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
return 'released'
