// A field that asks while somebody types.
import { SearchOutlined } from '@ant-design/icons';
import { Input } from 'antd';
import { useEffect, useState } from 'react';

interface Props {
  value?: string;
  onSearch: (q: string | undefined) => void;
  placeholder: string;
  className?: string;
}

export function SearchField({ value, onSearch, placeholder, className }: Props) {
  const [text, setText] = useState(value ?? '');
  useEffect(() => {
    const now = text.trim();
    if (now === (value ?? '')) return;
    const timer = setTimeout(() => onSearch(now || undefined), 350);
    return () => clearTimeout(timer);
  }, [text, value, onSearch]);
  return (
    <Input className={className} value={text} onChange={(e) => setText(e.target.value)} allowClear prefix={<SearchOutlined />} maxLength={200} style={{ width: 280, flex: '1 1 200px', maxWidth: 380 }}
      placeholder={placeholder} aria-label={placeholder} />
  );
}
