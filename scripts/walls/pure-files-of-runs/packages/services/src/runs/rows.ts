export const rowsOf = () => []
