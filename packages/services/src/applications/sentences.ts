import { tellingFrom } from '@juanie/workflow/say'

/** Everything that is told of a description, in English. A key is never used for another meaning. */
export const sentences = {
  // Files
  fileLarge: 'The file is larger than 1 MiB.',
  fileDeep: 'The file is nested too deeply.',
  fileValues: 'The file has more than 100,000 values once its aliases are expanded.',
  fileLevels: 'The file is nested more than 100 levels deep, or an alias contains itself.',
  descriptionLarge: 'The description and the files it names are larger than 4 MiB, or more than 500.',
  notRead: '{other} is not read, because there is {entry}.',
  fileMissing: 'There is no file {path} in the release.',
  filesMany: 'Too many files are included or extended.',
  elsewhere: '{path} is on another machine; copy the file into the repository.',
  outside: "{path} does not lie in the application's folder.",
  envFileOutside: "The env file {path} does not lie in the application's folder.",
  envFileMissing:
    '{name} names the env file {path}, which is not in the release: commit it, or write `required: false` and set the variables on the environment.',
  packageUnreadable: 'package.json cannot be read: {text}',
  languageOlder: '{file} asks for {language} {asked}, and this host has {version}.',

  // YAML
  yamlInvalid: 'This is not valid YAML: {text}',
  notMapping: 'A Compose file is a mapping of keys to values.',
  anchorUnknown: 'There is no anchor named {name} before this.',
  keyNotWord: 'A key must be a plain word.',
  keyTwice: 'The key {name} is written twice.',
  mergeKey: 'The merge key << takes a mapping or a list of mappings.',
  textNul: 'This text must not hold a NUL character.',
  textHalf: 'This text holds half of a surrogate pair, which is no character.',
  keyNul: 'This key must not hold a NUL character.',
  keyHalf: 'This key holds half of a surrogate pair, which is no character.',
  otherForm: '{path} is a {here} here and a {there} in {file}; use the same form.',
  mapping: 'mapping',
  list: 'list',
  singleValue: 'single value',

  // Variables and lines
  variablesDeep: 'Variables are nested too deeply.',
  valueLarge: 'The value is larger than 1 MiB once its variables are filled in.',
  notVariable: '`{text}` is not a variable; write $$ for a dollar sign.',
  variableRequired: 'The variable {name} must be set.',
  variableRequiredFor: 'The variable {name} must be set: {text}.',
  variableUnset: 'The variable {name} is not set, so it is empty here.',
  envLine: '`{text}` is not a line of the form NAME=value.',
  quoteOpen: 'The value of {name} begins with {quote} and never ends.',
  quoteAfter: 'The value of {name} goes on after its closing quote.',
  procfileLine: '`{text}` is not a line of the form `name: command`.',
  procfileNul: 'The command of {name} holds a NUL character.',
  procfileTwice: '{name} is written twice.',
  procfileEmpty: "The Procfile starts nothing; add the line `web: {'<'}command>`.",
  noStart:
    "Nothing says how this application starts. Add a file named Procfile with the line `web: {'<'}command>`, or a compose.yaml with a service that has a `command:`.",
  noStartOf:
    "Nothing says how this {language} application starts. Add a file named Procfile with the line `web: {'<'}command>`, or a compose.yaml with a service that has a `command:`.",

  // Values
  wantsMapping: '{path} is a mapping of keys to values.',
  wantsList: '{path} is a list.',
  wantsText: '{path} is text.',
  wantsQuotes: '{path} is text: write "{text}" in quotes.',
  wantsTexts: '{path} is a text or a list of texts.',
  wantsInteger: '{path} is a whole number from {min} to {max}.',
  wantsNumber: '{path} is a number, 0.5 for example.',
  wantsBoolean: '{path} is true or false.',
  wantsTime: '{path} is a time with its unit of at most a day, 30s or 1m30s for example.',
  wantsBytes: '{path} is an amount of memory, 512m or 1g for example.',
  keyUnknown: '{path} is not a key of Compose.',
  keyNear: '{path} is not a key of Compose; did you mean {near}?',

  // Files of Compose
  includeList: 'include is a list of files.',
  includePath: 'An include needs a path.',
  includeCircle: 'The files include each other: {circle}.',
  extendsForm: "extends names a service: `extends: {'{'} service: NAME, file: FILE {'}'}`.",
  extendsCircle: 'Services extend each other: {circle}.',
  extendsUnknown: '{name} extends {target}, and {path} has no service of that name.',

  // Services
  noService: 'The Compose file describes no service.',
  serviceName: 'The service name {name} may have letters, digits, dots, dashes and underscores, at most 63.',
  serviceEmpty: '{path} is empty; give it a command.',
  commandQuote: '{path} has an open quote or a bracket; write it as a list of words.',
  commandCut:
    '{path} is no shell line: Compose drops everything from `{text}` on. Write ["sh", "-c", "…"] to use a shell.',
  commandEmptyWord: 'The command of {name} begins with an empty word.',
  commandMissing:
    "The service {name} has no command; on the process runtime the Dockerfile's is not known. Write `command:` for it.",
  imageOnly:
    'The service {name} is only an image ({image}), and the process runtime runs programs of the release. Use an environment with the compose runtime, or give the service a command, or leave it out with a profile.',
  environmentForm: '{path} is a mapping or a list of NAME=value.',
  variableNoName: '{path} has a variable without a name.',
  variableSingle: '{path} is a single value.',
  variableNul: '{path} holds a NUL character.',
  formatRaw: '{path} is raw or absent.',
  oneOf: '{path} is one of {known}.',
  portTarget: '{path} needs a target, the port of the container.',
  portList: '{path} is a list of ports.',
  portForm: '{path} is a port such as 3000, "8080:3000" or "127.0.0.1:8080:3000/tcp".',
  testKind: '{path} begins with CMD, CMD-SHELL or NONE, or is one text.',
  testEmpty: '{path} names no command after {kind}.',
  signal: '{path} is a signal such as SIGTERM or SIGINT.',
  restart: '{path} is "no", always, on-failure, on-failure:N or unless-stopped.',
  updateOrder: '{path} is start-first or stop-first.',
  folderOutside: 'working_dir {path} of {name} leads outside.',
  dependsCircle: 'Services depend on each other in a circle: {circle}.',
  dependsInactive: '{name} depends on {target}, which no active profile starts.',
  dependsUnknown: '{name} depends on {target}, and there is no service of that name.',

  // x-juanie
  xKeyUnknown: '{path} knows {known}; {key} is none of them.',
  routeService: '{path} names a service, and perhaps a hostname.',
  routeHostname: '{path} has {text}, which is not a hostname; write default or a name such as app.example.com.',
  routeUnknown: 'x-juanie.routes names {name}, and there is no service of that name.',
  routeTwice: '{name} and {other} both want the hostname {hostname}.',
  healthNoRoute: 'x-juanie.health belongs to the service with a route, and there is none.',
  healthPath: '{path} begins with / and has no spaces.',
  healthStatus: '{path} is a status such as 200, a range such as 200-299, or a list of them.',
  timeZero: '{path} is longer than nothing.',
  migrateCommand: '{path} is a command.',
  migrateTwice: 'One migration runs in a deployment, and x-juanie.migrate is written more than once.',

  // Secrets
  secretSeen:
    '{where} uses the secret {name}, where others could read it. Give it to the service under `environment:`, and write $${name} in a command that a shell runs.',
  inCommand: 'The command of {name}',
  inSetting: 'A setting of {name}',
  inVariableName: 'The name of a variable of {name}',
  inMigration: 'The migration',
} as const

export const { said, sentenceOf } = tellingFrom(sentences)
