/** Refusals, by their stable key with `_` for `.`; one that is not here shows the server's own sentence. */
export default {
  permission_missing: '您在此处的角色不允许此操作，请联系组织的所有者。',
}
