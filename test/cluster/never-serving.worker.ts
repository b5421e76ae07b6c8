/** A thread that neither serves nor fails. */
export default (): void => {
  for (;;);
}
