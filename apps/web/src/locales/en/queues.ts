export default {
  text: 'What waits and why, what is under way, and what failed lately, in all projects.',
  waiting: { title: 'Waiting', empty: 'Nothing waits: whatever is started begins at once.' },
  active: { title: 'Under way', empty: 'Nothing is under way. A push or a deployment appears here when it begins.' },
  failed: { title: 'Failed in the last 30 days', empty: 'Nothing has failed in the last 30 days.' },
}
