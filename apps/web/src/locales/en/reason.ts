/** Refusals, by their stable key with `_` for `.`; one that is not here shows the server's own sentence. */
export default {
  permission_missing: 'Your role here does not allow this. Ask an owner of the organization.',
}
