-- KEYS: queue. ARGV: group, consumer, ids.
local kept = 0
for i = 3, #ARGV do
    -- An entry that another worker has claimed is its own.
    if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
        -- Restarts the idle time. With JUSTID it does not count as a delivery.
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
        kept = kept + 1
    end
end
return kept
