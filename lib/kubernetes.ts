export type { KubernetesBridgeOptions } from './kubernetes/bridge-options.js'
export {
  type KubernetesBridge,
  type KubernetesBridgeStatus,
  startKubernetesBridge,
} from './kubernetes/kubernetes-bridge.js'
export { kubernetesStore } from './kubernetes/kubernetes-store.js'
export type { ClusterOptions, KubernetesStoreOptions } from './kubernetes/options.js'
