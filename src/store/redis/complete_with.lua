-- KEYS: the record, then the key of each effect.
-- ARGV: owner token, retention in ms; then for each effect its command, the number of its
-- arguments after the key, and these arguments.
-- A record is the fingerprint with its format (17 bytes); in flight, the owner token (16 bytes)
-- and the length of the lease in ms follow.
local call, pcall, record = redis.call, redis.pcall, KEYS[1]
local held = call('GET', record)
if held and #held ~= 17 and not tonumber(held:sub(34)) then
    return {err = 'WRONGTYPE the value is not the record of a delivery'}
end
if held and #held == 17 then
    return 'already completed'
end
if not held or held:sub(18, 33) ~= ARGV[1] then
    return 'lost'
end

-- Redis rolls nothing back. So everything that an effect could fail for is checked before anything
-- is written, also with regard to what earlier effects of the call will have changed.
local TYPES = {
    XADD = 'stream', LPUSH = 'list', RPUSH = 'list', SADD = 'set', HSET = 'hash', INCRBY = 'string'
}
local types, counters = {}, {}

-- A server before version 7 does not tell a script what its user may do. There the command is tried
-- on the record, which it cannot change: the record is a string and no integer. The server checks the
-- user's rights before it looks at the value, so the error tells which of the two it was. For the
-- right to the key itself, `TYPE` fails below.
local function may_run(command, key, first, last)
    if redis.acl_check_cmd then
        return redis.acl_check_cmd(command, key)
    end
    local probe = pcall(command, record, unpack(ARGV, first, last)).err
    if probe:find("can't run this command", 1, true) then
        return false
    elseif probe:find('WRONGTYPE', 1, true) or probe:find('not an integer', 1, true) then
        return true
    end
    return nil, probe
end

-- Lua's numbers are exact only up to 2^53. So an integer of 64 bits is kept as two: the thousands of
-- millions, and the rest, which is never negative.
local function number(high, low)
    local carry = math.floor(low / 1e9)
    return {high + carry, low - carry * 1e9}
end

-- Accepts what Redis itself takes for an integer: no space, no plus, no leading zero.
local function parse(text)
    local minus, digits = text:match('^(%-?)([1-9]%d*)$')
    if text == '0' then
        return number(0, 0)
    elseif not digits or #digits > 19 then
        return nil
    end
    local sign = minus == '-' and -1 or 1
    return number(sign * (tonumber(digits:sub(1, -10)) or 0), sign * tonumber(digits:sub(-9)))
end

-- Whether it is from -2^63 to 2^63 - 1.
local function fits(n)
    local high, low = n[1], n[2]
    return high > -9223372037 and high < 9223372036
        or high == -9223372037 and low >= 145224192
        or high == 9223372036 and low <= 854775807
end

local function refused_counter(key, by)
    local value = counters[key] or parse(call('GET', key) or '0')
    if not value or not fits(value) then
        return 'not an integer'
    end
    by = parse(by)
    counters[key] = number(value[1] + by[1], value[2] + by[2])
    return not fits(counters[key]) and 'overflow' or nil
end

-- A stream takes no entry after the greatest possible id. It counts as full when fewer than 51,616
-- ids are left, which is more than the effects of one call.
local function refused_entry(key)
    local about = call('XINFO', 'STREAM', key)
    for i = 1, #about, 2 do
        local last = about[i] == 'last-generated-id' and about[i + 1]
        if last and last:find('^18446744073709551615%-184467440737095%d%d%d%d%d$') then
            return 'stream full'
        end
    end
end

local function refusal(command, key, first, last)
    local may, err = may_run(command, key, first, last)
    if not may then
        return 'no permission', err
    end
    local wanted, before = TYPES[command], types[key] or call('TYPE', key).ok
    if before ~= 'none' and before ~= wanted then
        return 'wrong type', before
    end
    local is_old_stream = not types[key] and before == 'stream'
    types[key] = wanted
    if command == 'INCRBY' then
        return refused_counter(key, ARGV[first])
    end
    return is_old_stream and refused_entry(key) or nil
end

local effects, at = {}, 3
for i = 2, #KEYS do
    local first, last = at + 2, at + 1 + tonumber(ARGV[at + 1])
    effects[i] = {ARGV[at], first, last}
    local why, detail = refusal(ARGV[at], KEYS[i], first, last)
    if why == 'no permission' and detail then
        return {err = detail}
    elseif why then
        return {why, i - 2, detail or ''}
    end
    at = last + 1
end

-- The record is completed first. Whatever may refuse this write refuses it before an effect is
-- executed: a full server, a replica, too few replicas, a full disk, or a right that the user lacks.
-- After a script's first write the server refuses no further one for such a reason. The other way
-- round, the effects could be there without the completion, and the retry would repeat them.
local completed = held:sub(1, 17)
local set = pcall('SET', record, completed, 'PX', ARGV[2])
if set.err and #KEYS == 1 then
    -- Without effects this is a completion like any other. It succeeds even in a full server, which
    -- grants all writes of a script whose first write needs no memory.
    call('PEXPIRE', record, ARGV[2])
    call('SET', record, completed, 'KEEPTTL')
elseif set.err then
    return set
end
for i = 2, #KEYS do
    local command, first, last = unpack(effects[i])
    local done = pcall(command, KEYS[i], unpack(ARGV, first, last))
    if type(done) == 'table' and done.err then
        -- Nothing is known that leads here. The record becomes what it was, so that the delivery is
        -- handled once more rather than lost. The server grants that as it granted the first write.
        call('SET', record, held, 'PX', held:sub(34))
        return {i == 2 and 'failed' or 'failed half-way', i - 2, done.err}
    end
end
return 'completed'
