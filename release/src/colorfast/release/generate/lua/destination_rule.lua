-- A DestinationRule while OpenKruise Rollouts releases its service: the canary's subset, once.
--
-- In: obj.data {spec, labels, annotations} as they were before the release. Annotations name the
-- subset and the labels of the canary's pods; without them it is as in Kruise's own script.

local PREFIX = "colorfast.dev/kruise-"
local data = obj.data
local annotations = data.annotations or {}

local name = annotations[PREFIX .. "subset"] or "canary"
local labels = {}
for key, value in string.gmatch(annotations[PREFIX .. "labels"] or "istio.service.tag=gray", "([^=,%s]+)=([^=,%s]*)") do
  labels[key] = value
end

local subsets = data.spec.subsets or {}
for _, subset in ipairs(subsets) do
  if subset.name == name then return data end
end
table.insert(subsets, { name = name, labels = labels })
data.spec.subsets = subsets
return data
