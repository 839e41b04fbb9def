-- KEYS: queue, delayed. ARGV: the most at a time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
    local attempts, envelope = member:match('^%S+ (%d+) (.*)$')
    redis.call('XADD', KEYS[1], '*', 'envelope', envelope, 'attempts', attempts)
    redis.call('ZREM', KEYS[2], member)
end
return #due
