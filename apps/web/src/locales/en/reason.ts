/** Refusals, by their stable key with `_` for `.`; one that is not here shows the server's own sentence. */
export default {
  permission_missing: 'Your role here does not allow this. Ask an owner of the organization.',
  environment_name_taken: 'There is an environment {name} in this project already. Choose another name.',
  environment_too_many: 'A project has at most 100 environments. Use one that is there.',
  environment_not_found: 'This environment is not there any more. Somebody may have removed it.',
  variable_name_taken: '{name} is a secret here. Delete it first, then make the variable.',
  secret_name_taken: '{name} is a variable here. Delete it first, then make the secret.',
  variable_not_found: 'This variable is not there any more. Somebody may have deleted it.',
  secret_not_found: 'This secret is not there any more. Somebody may have deleted it.',
  setting_too_many: 'A project has at most 500 variables and secrets. Delete some that are not used.',
  release_not_found: 'This release is not there any more. Old ones that nobody deployed are cleaned away.',
}
