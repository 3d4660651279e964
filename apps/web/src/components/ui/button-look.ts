import { cva } from 'class-variance-authority'

/** Of everything that looks like a button. */
export const buttonLook = cva(
  'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none transition-colors disabled:opacity-50 disabled:cursor-not-allowed aria-disabled:opacity-50 aria-disabled:cursor-not-allowed [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      kind: {
        primary: 'bg-primary text-on-primary hover:opacity-90',
        plain: 'bg-surface text-text border border-line hover:bg-hover',
        quiet: 'text-muted hover:bg-hover hover:text-text',
        danger: 'bg-surface text-bad border border-line hover:bg-bad-soft',
      },
      size: {
        normal: 'h-8 px-3 text-sm',
        small: 'h-7 px-2 text-xs',
        icon: 'size-8 p-0',
      },
    },
    defaultVariants: { kind: 'plain', size: 'normal' },
  },
)
