/** Ends the thread that is asked so. */
export function onQuery({ name }) {
  if (name === 'die.example.org') process.exit(1)
  return 'continue'
}
