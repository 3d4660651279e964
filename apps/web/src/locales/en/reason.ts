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
  database_away: 'The database of Juanie cannot be reached at this moment. It goes on by itself when it is back.',
  database_disk_full:
    'The disk of Juanie’s database is full, and nothing of this was stored. Free some space, then try again.',
  blob_disk_full: 'The disk that holds the bundles is full, and nothing was stored. Free some space, then try again.',
  blob_damaged:
    'The files of this release are damaged on the disk of the server. Run its run again: the same files repair it.',
  deployment_not_found: 'This deployment is not there. Choose another one from the list.',
  deployment_not_succeeded:
    'That deployment did not succeed, and a rollback leads to one that did. Choose another one.',
  deployment_other_environment:
    'That deployment belongs to another environment. To bring its release here, promote or deploy it.',
  deployment_over: 'This deployment has ended already: there is nothing left to cancel.',
  environment_no_hostname:
    'This environment has no hostname, so nobody could reach what it serves. Choose another environment.',
  host_name_taken: 'There is a host of this name already. Choose another name.',
  host_none: 'No host is there to run it on. Add one, or start the agent of one that is known, then deploy again.',
  invitation_already_member: 'This person belongs to the organization already.',
  invitation_not_found: 'This invitation is not open any more: it was used, withdrawn or has expired.',
  invitation_other_address: 'This invitation is for another address than the one that is signed in. Sign out first.',
  member_not_found: 'This person does not belong to the organization any more.',
  organization_last_owner: 'The last owner of an organization cannot be removed. Invite another owner first.',
  organization_creation_forbidden:
    'Organizations are made by administrators and by owners of another one. Ask one of them.',
  organization_slug_taken: 'The name {slug} is taken. Choose another one.',
  project_slug_taken: 'There is a project {slug} in this organization already. Choose another address.',
  project_not_found: 'This project is not there any more. Somebody may have deleted it.',
  promotion_no_next: 'This is the last environment. Choose another one to promote to.',
  promotion_nothing_serves:
    'Nothing was kept here yet that could be promoted. Deploy a release here first, and wait until it has proved healthy.',
  promotion_same_environment: 'An environment cannot be promoted to itself. Choose another one.',
  release_none: 'Nothing was released yet that could run here. Push a commit, or choose a release.',
  repository_empty: 'The repository has no branch yet. Push one first.',
  rollback_no_target:
    'There is no other version to come back to: no earlier deployment here succeeded with other files, configuration or secrets, or all of them were rolled back. One of the list can still be chosen.',
  route_hostname_taken: 'No hostname is free for this environment. Choose another name for it.',
  run_not_found: 'This run is not there any more.',
  run_nothing_failed: 'Every job of this run succeeded. Run all of them again instead.',
  run_ref_unknown: 'The repository has no branch or tag {ref}. Choose another one.',
  run_text_unreadable: 'The stored workflow text cannot be read by this version of Juanie. Push again instead.',
  secret_undecryptable:
    'A stored secret cannot be decrypted. Check that the master key is the one that it was written with.',
  secret_version_missing:
    'Version {version} of the secret {name} is not stored any more. Deploy with today’s configuration instead.',
  session_not_found: 'This browser is signed out already.',
  token_not_found: 'This token is not there any more. Somebody may have revoked it.',
  session_missing:
    'You are signed out. Sign in in another tab of this browser, then do this again: what you typed is still here.',
  session_over:
    'You are signed out. Sign in in another tab of this browser, then do this again: what you typed is still here.',
}
