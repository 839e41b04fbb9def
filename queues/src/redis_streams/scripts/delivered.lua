-- KEYS: queue. ARGV: group, consumer, id, deliveries from now on (absent: one more). Returns those before.
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])[1]
-- An entry that another worker has claimed is its own.
if not mine then return false end
local deliveries = ARGV[4] or mine[4] + 1
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', deliveries, 'JUSTID')
return mine[4]
