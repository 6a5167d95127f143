// The definitions of Istio's kinds, read from the module cache.
module colorfast.dev/lab/kube/crds

go 1.24

require istio.io/api v1.31.1
