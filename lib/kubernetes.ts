export { kubernetesStore } from './kubernetes/kubernetes-store.js'
export type { ClusterOptions, KubernetesStoreOptions } from './kubernetes/options.js'
