const page = (slug: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${slug}</title>
    <link rel="stylesheet" href="style.css">
  </head>
  <body>
    <main>
      <h1>Hello from Juanie!</h1>
      <p>Edit <code>index.html</code> and push.</p>
    </main>
  </body>
</html>
`

const style = `:root {
  color-scheme: light dark;
  font: 1.125rem/1.6 system-ui, sans-serif;
}

main {
  max-width: 40rem;
  margin: 20vh auto 0;
  padding: 0 1rem;
}
`

/** Pages that need no program of their own. */
export const staticSite = (slug: string): Record<string, string> => ({
  'index.html': page(slug),
  'style.css': style,
  'README.md': `# ${slug}\n\nA push to the default branch puts these files on dev.\n`,
})
