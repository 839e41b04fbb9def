-- KEYS: queue, dead. ARGV: group, idle time of a member that is gone in ms, longest age of a dead letter in ms.
local oldest = redis.call('TIME')[1] * 1000 - ARGV[3]
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', math.max(oldest, 0)))
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local of = {}
    for i = 1, #consumer, 2 do of[consumer[i]] = consumer[i + 1] end
    -- The entries of a deleted member would never be delivered again.
    if of['pending'] == 0 and of['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of['name'])
    end
end
return 1
