/** Refusals, by their stable key with `_` for `.`; one that is not here shows the server's own sentence. */
export default {
  permission_missing: '您在此处的角色不允许此操作，请联系组织的所有者。',
  environment_name_taken: '此项目中已有名为 {name} 的环境，请换一个名称。',
  environment_too_many: '每个项目最多有 100 个环境，请使用已有的环境。',
  environment_not_found: '此环境已不存在，可能已被他人移除。',
  variable_name_taken: '{name} 在这里是密钥。请先删除它，再创建变量。',
  secret_name_taken: '{name} 在这里是变量。请先删除它，再创建密钥。',
  variable_not_found: '此变量已不存在，可能已被他人删除。',
  secret_not_found: '此密钥已不存在，可能已被他人删除。',
  setting_too_many: '每个项目最多有 500 个变量和密钥，请删除不再使用的。',
  release_not_found: '此发布版本已不存在。未被部署过的旧版本会被清理。',
}
