-- Put an entry back for a later try.
-- parts: now
-- KEYS: ids. ARGV: id, seconds after which it may be taken.
return redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
