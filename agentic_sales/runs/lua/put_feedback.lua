-- Put feedback into the queue. An entry with the same id is replaced.
-- KEYS: ids, entries. ARGV: seconds that all is kept, then an id and an entry for each.
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
