-- KEYS: queue, dead. ARGV: ids.
local replayed = 0
for _, id in ipairs(ARGV) do
    local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
    if entry then
        local fields = {}
        for i = 1, #entry[2], 2 do
            local name = entry[2][i]
            local ours = name == 'attempts' or name:sub(1, 5) == 'dead_'
            if not ours then
                fields[#fields + 1] = name
                fields[#fields + 1] = entry[2][i + 1]
            end
        end
        if #fields > 0 then
            redis.call('XADD', KEYS[1], '*', unpack(fields))
            -- A short id, such as 5, names the first entry of that millisecond.
            redis.call('XDEL', KEYS[2], entry[1])
            replayed = replayed + 1
        end
    end
end
return replayed
