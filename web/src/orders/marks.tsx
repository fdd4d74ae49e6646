// What people note on orders: tags, and who works on one.
import { TagOutlined, UserOutlined } from '@ant-design/icons';
import { Select } from 'antd';
import { useState } from 'react';
import { useText } from '../shell/i18n';
import { useColleagues, useTags } from './query';

/** Person shows the name of an assignee; rules and programs may name somebody who is
 * no user. */
export function Person({ login }: { login: string }) {
  const { data } = useColleagues();
  return <>{data?.find((c) => c.login === login)?.name || login}</>;
}

interface PersonProps {
  value?: string;
  onChange?: (login: string | undefined) => void;
  placeholder: string;
  /** Who is offered first, as "me". */
  me?: string;
  id?: string;
  style?: React.CSSProperties;
  disabled?: boolean;
}

export function PersonField({ value, onChange, placeholder, me, id, style, disabled }: PersonProps) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const { data = [] } = useColleagues(open || !!value);
  const label = (c: { login: string; name: string }) => (c.login === me ? t('orders.me', { name: c.name || c.login }) : c.name || c.login);
  const people = [...data].sort((a, b) => Number(b.login === me) - Number(a.login === me));
  return (
    <Select id={id} prefix={<UserOutlined aria-hidden />} value={value || undefined} onChange={onChange} onOpenChange={setOpen} allowClear placeholder={placeholder} aria-label={placeholder} style={style} disabled={disabled}
      showSearch={{ optionFilterProp: 'label' }} options={people.map((c) => ({ value: c.login, label: label(c) }))} />
  );
}

interface TagsProps {
  value: string[];
  onChange: (tags: string[]) => void;
  placeholder: string;
  disabled?: boolean;
  /** Tags of orders are offered; buyers have their own. */
  offered?: boolean;
}

/** TagsField: chosen or typed; words are taken apart at spaces and commas. */
export function TagsField({ value, onChange, placeholder, disabled, offered = true }: TagsProps) {
  const [open, setOpen] = useState(false);
  const { data = [] } = useTags(offered && open);
  return (
    <Select mode="tags" prefix={<TagOutlined aria-hidden />} value={value} onChange={onChange} onOpenChange={setOpen} placeholder={placeholder} aria-label={placeholder} tokenSeparators={[' ', ',']} disabled={disabled}
      style={{ width: '100%' }} maxCount={20} suffixIcon={null} options={data.map((x) => ({ value: x.tag, label: x.tag }))} />
  );
}
