-- Remove a delivered entry. An entry that replaced it meanwhile is due at once.
-- KEYS: ids, entries. ARGV: id, entry.
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'XX', 0, ARGV[1])
end
