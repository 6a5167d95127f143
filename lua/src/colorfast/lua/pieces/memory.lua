-- Values of the current request, and the serial number of the request that each was read in.
local values, read_in, serial = {}, {}, 0
