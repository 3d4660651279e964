/** As the server says it of an environment that follows whatever the default branch is. */
const theDefault = 'the default branch'

/** Which branch an environment follows; null: none. The default branch has no name before the first push. */
export const followedOf = (follows: string | null, defaultBranch: string | null) =>
  follows === null
    ? null
    : { isDefault: follows === theDefault, branch: follows === theDefault ? (defaultBranch ?? '') : follows }
