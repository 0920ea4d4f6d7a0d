-- Says what wrk sends in one burst, and prints what came: the requests of a file in turn, each line "path<tab>cookie".
-- With "follow", a cookie that an answer sets is sent next, as a browser does after a login.
local requests, turn, waiting = {}, 0, nil

function init(args)
  local paths, cookies = {}, {}
  for line in io.lines(args[1]) do
    local path, cookie = line:match("^(.-)\t(.*)$")
    paths[#paths + 1], cookies[#cookies + 1] = path, cookie
    requests[#requests + 1] = wrk.format("GET", path, { Cookie = cookie })
  end
  if args[2] ~= "follow" then return end
  waiting = cookies
  function request()
    return wrk.format("GET", paths[1], { Cookie = table.remove(waiting, 1) })
  end
  -- Defined only with "follow": wrk parses the headers of answers only if this function exists, which takes time.
  function response(_, headers)
    waiting[#waiting + 1] = (headers["Set-Cookie"] or headers["set-cookie"]):match("^[^;]+")
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed
  ))
end
