-- Keep an answer, and drop those that expire first where there are too many.
-- KEYS: index, entry. ARGV: answer, ms to keep it, when it expires, its name, most entries, prefix of the entries.
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local surplus = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[5])
if surplus > 0 then
  for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, surplus - 1)) do redis.call('UNLINK', ARGV[6] .. name) end
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, surplus - 1)
end
