-- The request of the benchmark, taken from the environment, and the figures as one line of JSON.
wrk.method = os.getenv("BENCH_METHOD")
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers[os.getenv("BENCH_KEY_HEADER")] = os.getenv("BENCH_KEY")
wrk.headers["Prefer"] = os.getenv("BENCH_PREFER")

-- With spaces of their own each connection is a thread, and its key opens a space that no other one has.
local clients = 0

function setup(thread)
  clients = clients + 1
  thread:set("client", clients)
end

function init()
  if os.getenv("BENCH_OWN_SPACES") then
    wrk.headers[os.getenv("BENCH_KEY_HEADER")] = "test_bench_" .. client
  end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  -- Where a refusal is asked for, every other answer is a failure.
  local wrong = os.getenv("BENCH_REFUSED") and summary.requests - errors.status or errors.status
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + wrong + errors.timeout
  ))
end
