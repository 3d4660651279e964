import { tellingFrom } from './say.ts'

/** Everything that is told of a workflow or an action, in English. A key is never used for another meaning. */
export const sentences = {
  // What a library says has no words of ours.
  upstream: '{text}',

  // The file
  fileUnreadable: 'The file cannot be read as a workflow: {text}',
  fileEmpty: "The file is empty; a workflow has the keys 'on' and 'jobs'.",
  fileNoWorkflow: "The file is not a workflow; it must be a mapping with the keys 'on' and 'jobs'.",
  fileNoText: 'The file is not text, or larger than 1 MiB; a workflow is a short YAML file.',
  fileBytes: 'The file has {bytes} bytes; a workflow file may have {most}.',
  fileExpressions: 'The file holds {count} expressions; at most {most} are allowed.',
  fileDepth: 'The file nests more than {most} levels deep.',
  filePieces: 'The file holds more than {most} pieces of YAML; split it into several.',
  fileValues:
    'The file holds more than {most} values once its aliases are followed; write less, or repeat fewer anchors.',
  yamlInvalid: 'The file is not valid YAML: {text}',
  yamlDepth: 'The file is not valid YAML: it nests too deeply.',
  aliasUnknown: 'This alias names an anchor that does not exist above it.',
  aliasCircle: 'This alias contains itself.',
  keyNotText: 'A key must be plain text, not a list or mapping.',
  valueKind: 'Only text, numbers, true, false and null can be written here.',
  nulCharacter: 'A text holds a NUL character.',
  halfCharacter: 'A text holds half of a surrogate pair, which is no character.',

  // The schema
  contextElsewhere: "The context '{name}' is not available at this key; move the expression to where it is.",
  contextUnknown: "There is no context '{name}'; the contexts are {known}.",
  functionUnknown: "The function '{name}' does not exist at this key.",
  valueUnexpected: "'{text}' is not allowed here; remove it or correct its spelling.",
  keyMissing: "The key '{key}' is missing; add it.",
  keyTwice: "'{key}' is written twice; keep one (case makes no difference).",
  noList: 'A list is not allowed here; write one value or a mapping.',
  noMapping: 'A mapping is not allowed here; write plain text or a list.',
  noExpression: "An expression ${'{{ … }}'} is not allowed here; write the value itself.",
  expressionOpen: "An expression is opened by ${'{{'} but not closed by {'}}'}.",
  unclear: 'It is not clear what this is; add one of the keys {keys}.',

  // Expressions
  expressionContextElsewhere:
    'The context \'{name}\' is not available here, in the expression "{expression}"; here you can use {known}.',
  expressionNoContext: 'The context \'{name}\' is not available here, in the expression "{expression}".',
  expressionContextUnknown:
    'There is no context \'{name}\', in the expression "{expression}"; here you can use {known}.',
  expressionNoSuchContext: 'There is no context \'{name}\', in the expression "{expression}".',
  expressionFunctionElsewhere: 'The function \'{name}\' is not available here, in the expression "{expression}".',
  expressionFunctionUnknown: 'There is no function \'{name}\', in the expression "{expression}".',
  expressionUnreadable: 'The expression "{expression}" cannot be read: {text}.',
  alwaysTrue:
    "Text beside the braces (also the line break that '{'|'}' adds) makes this condition always true; write the whole condition without ${'{{ }}'}.",
  alwaysEmptyNeed: "'needs.{name}' is always empty: the job does not list '{name}' under 'needs'.",
  alwaysEmptyStep: "'steps.{name}' is always empty: no step of this job has the id '{name}'.",
  injection:
    "The script takes in '{name}', which people outside can write: it may hold commands. Give it to the step as 'env' and use the variable.",

  // Events
  onEmpty: "The file says nothing after 'on'; name the events that start it, such as 'on: push'.",
  onNone: "'on' lists no event; name at least one, such as push.",
  eventUnknown: "'{name}' is not an event; correct its spelling (for a push write 'push').",
  noEffect: '{fault} It has no effect here.',
  pushKind: "'push' takes a mapping of filters, such as 'branches: [main]', or nothing.",
  pushFilterUnknown: "'push' has no filter '{name}', so it is not looked at; it has {known}.",
  filterKind: "'{name}' takes one pattern or a list of patterns.",
  filterEmpty: "'{name}' has no pattern, so it leaves nothing out; write one.",
  filtersExclude: "'{name}' and '{name}-ignore' exclude each other; use '{name}' with patterns that begin with '!'.",
  patternEmpty: 'A pattern cannot be empty.',
  patternLong: 'A pattern may have at most {most} characters.',
  patternBracket:
    "'{pattern}' opens a bracket that it does not close; close it, or write \\[ for the character itself.",
  scheduleMany: "'schedule' has {count} times; at most {most} are allowed.",
  scheduleNone: "'schedule' names no time, so it starts nothing; write '- cron: ...' below it.",
  cronFields: "'{text}' has {count} fields; write five: minute hour day month weekday.",
  cronMinute: "'{text}' is no minute of a schedule; it goes from {from} to {to}.",
  cronHour: "'{text}' is no hour of a schedule; it goes from {from} to {to}.",
  cronDay: "'{text}' is no day of the month of a schedule; it goes from {from} to {to}.",
  cronMonth: "'{text}' is no month of a schedule; it goes from {from} to {to}.",
  cronWeekday: "'{text}' is no day of the week of a schedule; it goes from {from} to {to}.",
  cronNever: "'{text}' never comes; correct the day or the month.",
  timezoneUnknown: "'{text}' is not a time zone; write one such as Europe/Berlin.",

  // Inputs
  dispatchKind: "'workflow_dispatch' takes a mapping with 'inputs', or nothing.",
  dispatchKey: "'workflow_dispatch' knows 'inputs' only, not '{name}'.",
  inputName: "'{name}' cannot name an input; use letters, digits, - and _.",
  inputKey: "An input has no key '{name}'.",
  inputType: "'{type}' is not a type; use {known}.",
  inputRequired: "'required' must be true or false.",
  inputOptions: "An input of type 'choice' needs 'options' with at least one value.",
  inputTypeMissing: "The input '{name}' needs a 'type': {known}.",
  outputValue: "The output '{name}' has no 'value'; write one.",
  defaultUnfit: 'The default does not fit: {fault}',
  mustBeFlag: 'it must be true or false.',
  mustBeNumber: 'it must be a number.',
  mustBeOneOf: 'it must be one of {known}.',
  notByHand: "The workflow cannot be started by hand; add 'workflow_dispatch' to its 'on'.",
  noInput: "The workflow has no input '{name}'; it has {known}.",
  noInputs: "The workflow has no input '{name}'; it has none.",
  inputWanted: "The input '{name}' is required; give it a value.",
  inputUnfit: "The input '{name}' does not fit: {fault}",

  // Jobs
  jobsNone: "The file has no jobs; add at least one under 'jobs'.",
  jobsMany: 'The file has {count} jobs; at most {most} are allowed.',
  idInvalid:
    "'{id}' is not a valid id; begin with a letter or _, then use letters, digits, - and _ (at most 99 characters).",
  idReserved: "Ids that begin with __ are reserved; rename '{id}'.",
  snapshotIgnored: 'Snapshots of a runner are not made here: this key has no effect.',
  cancelTimeoutIgnored: 'This key has no effect here: a cancelled job is ended with its whole process tree.',
  jobNoSteps: "Job '{id}' has no steps; add at least one under 'steps'.",
  needUnknown: "Job '{id}' needs '{need}', but there is no such job; correct the name or remove it.",
  needsCircle: 'The needs go round in a circle ({circle}); remove one of them.',
  runnerGroup: 'There are no groups of runners here: any agent with the labels takes it.',
  runsOnEmpty: "'runs-on' names no label; write one, such as ubuntu-latest.",
  containerNeedsDocker: "The job's 'container' needs the Docker executor, which this Juanie does not have yet.",
  servicesNeedDocker: "The job's 'services' needs the Docker executor, which this Juanie does not have yet.",
  actionNeedsDocker: "The action '{uses}' needs the Docker executor, which this Juanie does not have yet.",
  runsWhereEmpty: '{fault} It runs where this turns out empty.',
  calledUnknown:
    "'{uses}' is no reusable workflow; write ./.github/workflows/name.yml or owner/name/.github/workflows/name.yml{'@'}ref.",
  permissionsUnknown: "'{text}' is no set of permissions, so none is given; write read-all, or names.",
  permissionLevel: "'{text}' is no level, so nothing is given; write read, write or none.",
  notNegative: "'{key}' must be a number that is not negative.",
  maxParallel: "'max-parallel' must be a whole number, 1 or more.",
  axisEmpty: "The axis '{name}' has no value; write at least one.",
  matrixEmpty: "The matrix has neither an axis nor an 'include'; add one, or remove the matrix.",
  matrixMany: 'The matrix makes {count} jobs; at most {most} are allowed.',
  shellUnknown:
    "'{shell}' is not a shell; use {known}, or a template that holds {'{'}0{'}'} where the script's file goes, such as '{shell} {'{'}0{'}'}'.",

  // Steps
  stepsMany: 'The job has {count} steps; at most {most} are allowed.',
  parallelEmpty: "'parallel' holds no steps; list them below it.",
  notInParallel: "'{key}' cannot stand inside 'parallel'.",
  notInComposite: "'{key}' cannot stand in a composite action.",
  waitUnknown: "No earlier step in the background has the id '{id}'.",
  idTaken: "The id '{id}' is used by an earlier step; choose another.",
  inputMissing: "The input '{name}' is missing; write it under 'with:'.",
  usesExpression: "'uses' cannot hold an expression; name the action and its version.",
  usesUnknown:
    "'{uses}' is not an action; write owner/name{'@'}version, such as actions/checkout{'@'}v4, or ./ and a folder.",
  usesContainer: "'{uses}' is a container, which needs the Docker executor; do the same in a run step.",
  ownActionUnknown: "There is no action '{uses}'; Juanie's own are {known}.",
  ownActionVersion: "'{name}' has no version '{version}'; write {name}{'@'}{known}.",
  withKind: "'with' takes the inputs one by one, as keys and values.",
  inputNotFlag: "The input '{name}' must be true or false.",
  inputNotFolder: "The input '{name}' must be a folder inside the workspace, written relative to it.",
  inputNotDepth: "The input '{name}' must be a whole number; 0 means the whole history.",
  actionInputUnknown: "There is no input '{name}' here; the inputs are {known}.",

  // Actions
  actionUnreadable: 'The file cannot be read as an action: {text}',
  fileNoAction: "The file is not an action; it must be a mapping with the key 'runs'.",
  actionInputsMany: 'The action has more than {most} inputs.',
  actionStepsMany: 'The action has more than {most} steps.',
  compositeShell: "A run step of a composite action needs 'shell'; write 'shell: bash'.",
  compositeSteps: "A composite action needs 'runs.steps'.",
  usingMissing: "The key 'runs.using' is missing; an action says with it how it is run.",
  usingUnknown: "'runs.using' is '{using}'; known are node20, node24, composite and docker.",
  mainMissing: "The key 'runs.main' is missing; it names the script of the action.",
  scriptPlace: 'The script of an action is a file beside its action.yml, written relative to it.',

  // Calls
  calledMissing: 'There is no file {path} in this commit.',
  calledInvalid: '{path} cannot be called: it is not valid.',
  notCallable: "{uses} cannot be called; add 'workflow_call' to its 'on'.",
  callNoInput: "{uses} has no input '{name}'.",
  callNoSecret: "{uses} takes no secret '{name}'.",
  callSecretMissing: "The secret '{name}' is missing; write it under 'secrets', or 'secrets: inherit'.",
  calledMany: 'A run may call at most {most} workflows.',
} as const

export const { said, sentenceOf } = tellingFrom(sentences)
