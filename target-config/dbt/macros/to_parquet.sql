{% macro to_parquet(folder) %}
    {#- Write each landed table to a Parquet file: `dbt run-operation to_parquet`. DuckDB only.

    Args:
        folder: where the files are written; it must exist. -#}
    {%- for node in graph.sources.values() if node.source_name == 'ft42_raw' -%}
        {%- set relation = adapter.get_relation(
            node.database or target.database, node.schema, node.identifier
        ) -%}
        {%- if relation -%}
            {%- do run_query(
                'copy (select ' ~ ft42.values_of(relation, 'l') ~ ' from ' ~ relation
                ~ " as l) to '" ~ folder ~ '/' ~ node.identifier ~ ".parquet' (format parquet)"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
