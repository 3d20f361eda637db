-- One write, and nine reads behind it: what reading one's own writes costs.
function thread_init()
   drv = sysbench.sql.driver()
   con = drv:connect()
end

function thread_done()
   con:disconnect()
end

function event()
   local name = "sbtest" .. sysbench.rand.uniform(1, 4)
   local id = sysbench.rand.uniform(1, 20000)
   con:query(string.format("UPDATE %s SET k = k + 1 WHERE id = %d", name, id))
   for _ = 1, 9 do
      con:query(string.format("SELECT k FROM %s WHERE id = %d", name, id))
   end
end
