export { ContainerDnsError } from './errors.js'
export type { AlertCounts } from './health/alerts/alert-channel.js'
export type { AlertsStatus } from './health/alerts/alerts.js'
export type { AlertsOptions, MailOptions, MailTls, WebhookOptions } from './health/alerts/options.js'
export type {
  MonitorEtcdOptions,
  MonitorOptions,
  QuorumOptions,
  ScannerOptions,
  SchedulerOptions,
} from './health/monitor/options.js'
export type { Scanner, ScannerStatus } from './health/monitor/scanner.js'
export type { Scheduler } from './health/monitor/scheduler.js'
export { startScanner } from './health/monitor/start-scanner.js'
export { startScheduler } from './health/monitor/start-scheduler.js'
export { type AgentEndpoint, type AgentEndpointOptions, startAgentEndpoint } from './prometheus/agent-endpoint.js'
