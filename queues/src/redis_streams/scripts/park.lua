-- KEYS: queue, dead. ARGV: group, id, consumer, reason, attempts, type, longest age in ms.
-- Another worker may have taken the entry over meanwhile: then it is for that worker to move it.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, ARGV[3]) == 0 then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not entry then return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) end
-- The fields as they came, after those of the dead letter. No receiver writes so many that unpack fails,
-- which is at 8,000 values: the rest of such an entry is cut, since it would be taken for ever otherwise.
redis.call('XADD', KEYS[2], '*', 'dead_reason', ARGV[4], 'dead_attempts', ARGV[5], 'dead_type', ARGV[6],
    unpack(entry[2], 1, math.min(#entry[2], 7000)))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
local oldest = redis.call('TIME')[1] * 1000 - ARGV[7]
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', math.max(oldest, 0)))
return 1
