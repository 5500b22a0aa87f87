-- Count in the same step as the change that is counted. `scripts.py` sets what is in capitals.
local function count(n, ...) redis.call('HINCRBY', COUNTS_KEY, table.concat({...}, '\t'), n) end
local function observe(seconds, ...)
  local labels, bucket = table.concat({...}, '\t'), BEYOND
  for _, bound in ipairs(BUCKETS_S) do
    if seconds <= bound then bucket = bound break end
  end
  count(1, labels, bucket)
  count(math.floor(seconds * 1000000), labels, SUM)
end
local function count_end(assistant_id, queue, outcome, code)
  count(1, METRIC.RUNS, assistant_id, queue, outcome)
  if code ~= '' then count(1, METRIC.FAILURES, code) end
end
local function count_recovered(outcome) count(1, METRIC.RECOVERED, outcome) end
local function observe_wait(assistant_id, queue, wait_s) observe(wait_s, METRIC.QUEUE_WAIT, assistant_id, queue) end
local function observe_duration(assistant_id, queue, run_s) observe(run_s, METRIC.DURATION, assistant_id, queue) end
