-- Take the entry that is due longest under a lease. Returns nil when none is due.
-- parts: now
-- KEYS: ids, entries. ARGV: seconds for which it is taken.
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)
if not found[1] then return nil end
redis.call('ZADD', KEYS[1], now + ARGV[1], found[1])
return redis.call('HGET', KEYS[2], found[1])
