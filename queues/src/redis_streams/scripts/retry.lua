-- KEYS: queue, delayed. ARGV: group, id, consumer, delay in ms, attempts.
-- Another worker may have taken the entry over meanwhile: then it is for that worker to move it.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, ARGV[3]) == 0 then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not entry then return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) end
local fields = {}
for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4]
-- The write that can fail comes first. The id keeps equal envelopes apart.
redis.call('ZADD', KEYS[2], due, ARGV[2] .. ' ' .. ARGV[5] .. ' ' .. fields['envelope'])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])
