/**
 * What the kernel queues for one socket: 10 000 queries of 50 bytes (tried, 2026-11), as Linux doubles the number.
 *
 * At 200 000 queries a second that is the 50 ms in which a thread that died is replaced. Where CAP_NET_ADMIN is missing
 * and net.core.rmem_max is less, Linux gives that instead.
 */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** Holds one whole batch of the largest responses, which take 64 times 8 KiB in the kernel, and the one before. */
export const SEND_BUFFER_BYTES = 1024 * 1024
