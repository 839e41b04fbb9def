-- KEYS: queue, delayed. ARGV: the most at a time. Returns 1 if more may be due.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes = 0
for _ = 1, ARGV[1] do
    -- One by one: all of many large entries at once would hold up the server.
    local member = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
    if not member then return 0 end
    if bytes > 4194304 then return 1 end
    bytes = bytes + #member
    local attempts, envelope = member:match('^%S+ (%d+) (.*)$')
    redis.call('XADD', KEYS[1], '*', 'envelope', envelope, 'attempts', attempts)
    redis.call('ZREM', KEYS[2], member)
end
return 1
