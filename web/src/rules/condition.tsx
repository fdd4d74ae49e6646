// The condition of a rule, with the words that it can ask at hand.
import { useQuery } from '@tanstack/react-query';
import { Flex, Input, Select } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';

interface Props {
  value?: string;
  onChange?: (text: string) => void;
  id?: string;
  disabled?: boolean;
}

export function Condition({ value = '', onChange, id, disabled }: Props) {
  const { t, word } = useText();
  const [field, setField] = useState<string>();
  const fields = useQuery({ queryKey: ['rule-fields'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/rule-fields', { signal })), select: (f) => f.fields ?? [], staleTime: Infinity });
  const known = fields.data?.find((f) => f.name === field)?.known;
  const add = (text: string) => onChange?.(`${value}${value === '' || /\s$/.test(value) ? '' : ' '}${text}`);
  // A word of a line is asked of the lines one by one.
  const spelt = (name: string) => (name.startsWith('lines.') ? `any(lines, .${name.slice(6)} ` : name);
  return (
    <Flex vertical gap={6}>
      <Input.TextArea id={id} className="mono" rows={3} maxLength={4096} value={value} onChange={(e) => onChange?.(e.target.value)} placeholder={'channel == "ozon" and sum > 5000'} spellCheck={false} disabled={disabled} />
      <Flex gap={8} wrap>
        <Select<string> value={null as unknown as string} showSearch={{ optionFilterProp: 'search' }} disabled={disabled} placeholder={t('rules.field')} aria-label={t('rules.field')} style={{ flex: '1 1 240px' }} popupMatchSelectWidth={420}
          onSelect={(name: string) => { setField(name); add(spelt(name)); }}
          options={(fields.data ?? []).filter((f) => f.type !== 'group').map((f) => {
            const says = word('field', f.name) === f.name ? f.doc : word('field', f.name);
            return { value: f.name, search: `${f.name} ${says}`, label: <Flex gap={8}><span className="mono">{f.name}</span><span style={{ opacity: 0.75, whiteSpace: 'normal' }}>{says}</span></Flex> };
          })} />
        {known && known.length > 0 && (
          <Select<string> value={null as unknown as string} disabled={disabled} placeholder={t('rules.word', { field })} aria-label={t('rules.word', { field })} style={{ flex: '1 1 200px' }} showSearch
            onSelect={(w: string) => add(`== "${w}"`)} options={known.map((w) => ({ value: w, label: w }))} />
        )}
      </Flex>
    </Flex>
  );
}
