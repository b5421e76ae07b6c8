interface DnsFieldProps {
  readonly label: string
  readonly value: string
  readonly onText: (text: string) => void
  readonly required?: boolean
  readonly wide?: boolean
}

/** A field for a name or an address, which no browser should correct. */
export function DnsField({ label, value, onText, required = false, wide = false }: DnsFieldProps) {
  return (
    <label class={wide ? 'wide' : undefined}>
      {label}
      <input
        class="dns"
        required={required}
        autocomplete="off"
        spellcheck={false}
        autocapitalize="none"
        value={value}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </label>
  )
}
